"""Answers: what is asked of a node or a store, as values with one JSON form.

A question is a module. It has a frozen value, and the function that makes it of a node. Nothing here is drawn, printed,
or read from a command line: the command line draws the values, and the pages of the daemons serve the same documents.
"""
