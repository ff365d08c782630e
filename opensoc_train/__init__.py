"""Prompts, data sets, training and evaluation."""
