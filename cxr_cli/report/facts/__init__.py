"""What the files of a study say about items of a checklist, in a sentence or two; None if nothing."""
