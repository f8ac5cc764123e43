"""The plots: pyqtgraph widgets that show values and say what the hand did."""
