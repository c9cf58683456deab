"""What the interface answers with: JSON whose fields are attributes."""


class Awaitable:
    """Something that is there already: awaiting it gives itself.

    `asyncio.gather` takes what it is given once for each key of a dictionary, so that an answer needs
    a hash. It is that of the object, as a coroutine's is, although answers are equal by their content:
    by a hash of the content two pages that are empty would be one to it, whatever each has in `missing`.
    A set therefore holds equal answers side by side.
    """

    __hash__ = object.__hash__

    def __await__(self):
        yield from ()
        return self


class Thing(Awaitable, dict):
    """A JSON object. `thing.name` is `thing["name"]`; a dot in a name is written as an underscore."""

    def __getattr__(self, name):
        if name in self:
            return self[name]
        for key in self:
            if key.replace(".", "_") == name:
                return self[key]
        raise AttributeError(f"there is no field {name!r}; there are {', '.join(self) or 'none'}")


class Page(Awaitable, list):
    """One page of a list, with the way to the next one."""

    def __init__(self, things, next_cursor=None, missing=()):
        super().__init__(things)
        self.next_cursor = next_cursor
        self.has_more = next_cursor is not None
        #: The ids of a batch for which there is nothing.
        self.missing = list(missing)
