"""How Sphinx makes the site of the documents: `make docs`.

The source is the whole repository, so that Markdown beside the code it is about is part of the site, and links are the
repository's own. Nothing in the pages is fetched from elsewhere: a hospital's network may have no way out.
"""

project = "cds-service"
author = "the authors of cds-service"
html_title = "cds-service"
root_doc = "docs/index"
include_patterns = [
    "README.md",
    "CHANGELOG.md",
    "docs/*.md",
    "benchmarks/README.md",
    "cds_service/**/README.md",
    "fhir_fixtures/README.md",
    "tests/web/checklist.md",
]
extensions = ["myst_parser"]
myst_heading_anchors = 3  # the anchors of headings are those that the repository's host makes
nitpicky = True  # with -W a link that leads nowhere fails
html_theme = "furo"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False
highlight_language = "none"
