"""The commands that bring a whole store, or another plugin's addresses, from one place into another."""
