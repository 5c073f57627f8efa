"""A verification: pacing, generated requests, baselines, and the commands that show a finding again."""
