"""Values to pictures: places, colours, scales, pixels."""
