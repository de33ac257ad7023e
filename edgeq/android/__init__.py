"""A bundle in an Android app: what is put where, the constants that an app needs, model metadata."""
