"""Bijections in front of PCA, one file each."""
