"""One file per CNI type, found by name: pure functions from values to plans. No socket, subprocess or ctypes."""
