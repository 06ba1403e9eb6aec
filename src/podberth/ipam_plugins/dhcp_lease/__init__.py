"""What `dhcp` asks its daemon, and what the options of a lease mean for a result."""
