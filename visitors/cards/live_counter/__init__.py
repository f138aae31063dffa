"""Tells shoppers how many they are, truly."""
