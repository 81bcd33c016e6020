"""Evaluators made of the metrics of torchmetrics, for regtrain."""
