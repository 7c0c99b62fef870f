"""Tiles from disk through the encoder to feature files: reading ahead, batches, devices."""
