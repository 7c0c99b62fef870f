"""What ``heatmap`` makes: every file of a slide's folder, of one slide or of a cohort's."""
