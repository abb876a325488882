"""The main job on recorded source output, for a person to watch."""
