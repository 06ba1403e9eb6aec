"""The CNI specification as values. No I/O, no other room of podberth may be imported here."""
