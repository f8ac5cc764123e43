"""From vectors to codecs: training, calibration, pipelines, judging."""
