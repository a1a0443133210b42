"""The parent manifest and its children: models, loading with positions, JSON Schema.

Never reads anything but the files below the parent manifest's folder, and knows no environment.
"""
