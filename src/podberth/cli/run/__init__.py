"""`podberth run`: a command, or a container, on networks from a script; with everything taken down in the end."""
