"""Letters: prepared words for people outside, with blanks to fill in. Which there are stands in `catalogue`, their text
in `templates/notify/letters`: one text for all audiences, which says more to those who must do more."""
