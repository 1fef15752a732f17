"""The report of a run: one self-contained HTML page, and the same facts as JSON.

`facts` says what a run can tell, `render` makes the page. A new section is a template in
`templates/sections/`, a line in `render.SECTIONS` and its facts' type in `facts`; a new kind of
picture is a function in `charts`, and where its numbers come from stands in `pictures`.
"""
