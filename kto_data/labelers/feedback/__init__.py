"""What users did about an output: thumbs, edits, complaints."""
