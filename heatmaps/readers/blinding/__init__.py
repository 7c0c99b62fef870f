"""Does a kit tell its reader what it must not?"""
