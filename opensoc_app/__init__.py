"""The app: two defenders side by side and who was right, and a page to play a side."""
