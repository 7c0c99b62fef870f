"""Where tissue is on a slide, as a mask, an outline and a picture."""
