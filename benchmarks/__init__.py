"""What is fast, measured side by side in one run. Started by `make bench`; nothing here is a timed test."""
