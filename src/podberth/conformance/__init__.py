"""A conformance suite for CNI plugins in any language: it calls the plugin as a runtime does, and looks at the kernel.

Nothing here knows how a plugin works inside. A check says one thing the specification asks for, and names the section.
"""
