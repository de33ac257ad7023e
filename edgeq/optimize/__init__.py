"""``edgeq optimize``: the search for the best variant within an accuracy budget."""
