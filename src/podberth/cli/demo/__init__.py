"""`podberth demo`: the main job in a private playground. Uses podberth as its users do: commands and the plugin."""
