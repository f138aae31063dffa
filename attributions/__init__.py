"""Gives credit: which message, coupon or widget led to which order, and what each feature really added."""
