"""What `cds-service check` finds in knowledge that loads: parts that can never decide, and examples that come out otherwise."""
