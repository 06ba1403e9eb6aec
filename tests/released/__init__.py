"""The stores that a release wrote, in a folder of its version, and the means to make them and to read them back.

A release's folder is written once, by its own code, and never again: every later version has to read it.
"""
