"""A page for each folder of the package: what each file is for, and what it offers, from its own docstrings."""

import ast
import html
import re
from collections.abc import Iterator
from pathlib import Path

import listing
from binding.links import anchor, code_page

ROOT = Path(__file__).resolve().parents[2]
Described = ast.Module | ast.ClassDef | ast.FunctionDef
HEAD = "The code\n\nA page a folder. Imports run one way only, from the first of these to the last."


def write(folder: Path) -> None:
    """The pages, and one that leads to them."""
    packages = [name for name in listing.FOLDERS if name.startswith("labs")]
    rows = [f"- [{name}]({code_page(name)}.md): {listing.FOLDERS[name]}" for name in packages]
    toc = "\n".join(code_page(name) for name in packages)
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "index.md").write_text(
        f"# {HEAD}\n\n" + "\n".join(rows) + f"\n\n```{{toctree}}\n:hidden:\n\n{toc}\n```\n", encoding="utf-8"
    )
    for name in packages:
        (folder / "code" / f"{code_page(name)}.md").write_text(page(name), encoding="utf-8")


def page(folder: str) -> str:
    """A folder's files, one section each."""
    what = listing.FOLDERS[folder]
    parts = [f"# {folder}", f"{what[0].upper()}{what[1:]}."]
    for file in listing.tracked(folder):
        if file.suffix == ".py" and file.name != "__init__.py":
            parts += section(file)
    return "\n\n".join(parts) + "\n"


def section(file: Path) -> Iterator[str]:
    """What a file says of itself, a link to its source, and its public classes and functions."""
    inside = file.relative_to(ROOT).as_posix()
    module = ast.parse(file.read_text(encoding="utf-8"))
    yield f"({anchor(inside)})=\n## {file.name}"
    yield prose(module)
    yield f'<p><a href="../sources/{inside}.html">source of {inside}</a></p>'
    where = inside.removesuffix(".py").replace("/", ".")
    module = Qualified(module, where).visit(module)
    for node in module.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            yield entry(node, where)


class Qualified(ast.NodeTransformer):
    """Names of our own in whole, so that a type leads to the right one of several that are called alike."""

    def __init__(self, module: ast.Module, where: str):
        """`where` is the module's own name."""
        named = [node.name for node in module.body if isinstance(node, ast.ClassDef)]
        named += [ast.unparse(one) for node in module.body if isinstance(node, ast.Assign) for one in node.targets]
        self.whole = {name: f"{where}.{name}" for name in named}
        for node in ast.walk(module):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("labs"):
                self.whole |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """Of `Annotated[str, ...]` the type alone."""
        if ast.unparse(node.value) == "Annotated":
            return self.visit(node.slice.elts[0])
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """The same name, whole."""
        return ast.Name(self.whole.get(node.id, node.id), node.ctx)


def entry(node: ast.ClassDef | ast.FunctionDef, where: str) -> str:
    """A class with its public methods, or a function, as Sphinx lists it."""
    if isinstance(node, ast.FunctionDef):
        return _directive("function", node.name + signature(node), prose(node), where)
    methods = [one for one in node.body if isinstance(one, ast.FunctionDef) and not one.name.startswith("_")]
    told = [_method(one) for one in methods if ast.get_docstring(one)]
    return _directive("class", node.name + fields(node), "\n\n".join([prose(node), *told]), where, colons=4)


def _method(node: ast.FunctionDef) -> str:
    marks = {ast.unparse(one) for one in node.decorator_list}
    if marks & {"property", "functools.cached_property", "cached_property"}:
        return _directive("property", node.name, prose(node))
    return _directive("method", node.name + signature(node), prose(node))


def signature(node: ast.FunctionDef) -> str:
    """Arguments and what is returned, as they are written, on one line."""
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    given = re.sub(r"^(self|cls)(, )?", "", ast.unparse(node.args))
    return f"({given}){returns}".replace("\\", "\\\\")


def fields(node: ast.ClassDef) -> str:
    """What a class is made from: the arguments of its own __init__, otherwise its fields."""
    made = [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"]
    if made:
        return signature(made[0]).removesuffix(" -> None")
    named = [ast.unparse(one) for one in node.body if isinstance(one, ast.AnnAssign)]
    return f"({', '.join(named)})".replace("\\", "\\\\") if named else ""


def prose(node: Described) -> str:
    """A docstring as Markdown: paragraphs, and what is drawn or lined up in it as it stands."""
    parts = (ast.get_docstring(node) or "").split("\n\n")
    return "\n\n".join(_drawn(part) if _is_drawn(part) else _told(part) for part in parts if part.strip())


def _is_drawn(part: str) -> bool:
    """Whether spaces carry meaning: an indented line, columns, a command."""
    return bool(re.search(r"^ {2,}\S|\S {3,}\S|^python |^\{", part, re.MULTILINE))


def _drawn(part: str) -> str:
    return f"~~~text\n{part}\n~~~"


def _told(part: str) -> str:
    """One paragraph; only what stands in backticks keeps its meaning for Markdown."""
    pieces = re.split(r"(`[^`]+`|https?://[^\s),;]+[^\s),;.])", part)
    return "".join(
        piece if piece.startswith("`") else f"<{piece}>" if piece.startswith("http") else _escaped(piece)
        for piece in pieces
    )


def _escaped(text: str) -> str:
    return re.sub(r"([\\*_$\[\]|#{}~+-])", r"\\\1", html.escape(text, quote=False))


def _directive(kind: str, said: str, body: str, where: str = "", colons: int = 3) -> str:
    fence, module = ":" * colons, f":module: {where}\n\n" if where else ""
    return f"{fence}{{py:{kind}}} {said}\n{module}{body}\n{fence}"
