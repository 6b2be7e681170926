"""How the site of the book is set; scripts/book.py copies this beside the pages that it writes."""

project = "Multimodal large language models and tunings"
author = "the authors of the labs"
copyright = "text and pictures CC BY 4.0, code MIT"
extensions = ["myst_nb"]
html_theme = "sphinx_book_theme"
html_title = "The hands-on labs"
html_static_path = ["static"]
html_css_files = ["book.css"]
html_js_files = ["search.js"]
html_extra_path = ["extra"]
html_theme_options = {
    "home_page_in_toc": True,
    "use_download_button": True,
    "use_fullscreen_button": False,
    "show_toc_level": 2,
    "show_navbar_depth": 1,
    "collapse_navigation": True,
}
html_context = {"default_mode": "auto"}
html_show_sourcelink = False
html_show_sphinx = False
html_show_search_summary = False  # it would read pages with fetch, which a page from the disk may not
exclude_patterns = ["extra", "static"]
add_module_names = False
maximum_signature_line_length = 88
python_use_unqualified_type_names = True
toc_object_entries = False  # the contents beside a page of code list its files

myst_enable_extensions = ["dollarmath", "colon_fence", "attrs_inline"]
myst_heading_anchors = 3
myst_links_external_new_tab = False
suppress_warnings = ["mystnb.unknown_mime_type"]
mathjax_path = "mathjax/tex-svg.js"
mathjax3_config = {"options": {"enableMenu": False}}  # the menu would load more files from elsewhere

nb_execution_mode = "off"  # the notebooks are committed executed
nb_merge_streams = True
nb_ipywidgets_js = {}  # nothing from a CDN
