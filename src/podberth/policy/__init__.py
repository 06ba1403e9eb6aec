"""What operators declare by pod name, which declaration wins, and who may use what. Pure."""
