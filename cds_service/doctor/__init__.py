"""What an operator asks before the first call, and when calls fail: is everything around the service as it needs it?"""
