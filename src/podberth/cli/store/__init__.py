"""`podberth store`: which store there is, its history and minimum version, and how it goes back to an earlier state."""
