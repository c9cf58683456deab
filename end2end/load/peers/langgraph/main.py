"""LangGraph doing what `bench_runtime loop` does: ten turns with three tools side by side, under a model
that answers at once. Prints CPU per turn in microseconds and memory per agent in bytes; with `tools`,
the milliseconds of one turn with three tools of 100 ms."""

import asyncio
import resource
import statistics
import sys
import time

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import StructuredTool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

TURNS = 10
NAMES = ("first", "second", "third")


def tool(name: str, takes: float) -> StructuredTool:
    async def say(turn: int) -> str:
        if takes:
            await asyncio.sleep(takes)
        return str(turn)

    return StructuredTool.from_function(
        coroutine=say, name=name, description="Says the number of the turn"
    )


def graph(turns: int, takes: float, ready, may_answer):
    async def model(state: MessagesState):
        done = sum(isinstance(message, ToolMessage) for message in state["messages"])
        if done < turns * len(NAMES):
            calls = [
                {"name": name, "args": {"turn": done}, "id": f"{done}-{name}", "type": "tool_call"}
                for name in NAMES
            ]
            return {"messages": [AIMessage(content="", tool_calls=calls)]}
        ready()
        await may_answer.wait()
        return {"messages": [AIMessage(content="done")]}

    def next_node(state: MessagesState):
        return "tools" if state["messages"][-1].tool_calls else END

    plan = StateGraph(MessagesState)
    plan.add_node("model", model)
    plan.add_node("tools", ToolNode([tool(name, takes) for name in NAMES]))
    plan.add_edge(START, "model")
    plan.add_conditional_edges("model", next_node, ["tools", END])
    plan.add_edge("tools", "model")
    return plan.compile()


def memory() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


async def run(app):
    await app.ainvoke({"messages": [HumanMessage("Go")]}, {"recursion_limit": 100})


async def measure_loop(count: int):
    go = asyncio.Event()
    go.set()
    await run(graph(TURNS, 0, lambda: None, go))
    waiting, go = 0, asyncio.Event()

    def ready():
        nonlocal waiting
        waiting += 1

    app = graph(TURNS, 0, ready, go)
    memory_before, cpu_before = memory(), time.process_time()
    tasks = [asyncio.create_task(run(app)) for _ in range(count)]
    while waiting < count:
        await asyncio.sleep(0.001)
    used = memory() - memory_before
    go.set()
    await asyncio.gather(*tasks)
    spent = time.process_time() - cpu_before
    print(f"{spent * 1e6 / (count * (TURNS + 1)):.3f} {max(used, 0) // count}")


async def measure_tools(rounds: int):
    go = asyncio.Event()
    go.set()
    app, times = graph(1, 0.1, lambda: None, go), []
    for _ in range(rounds):
        began = time.perf_counter()
        await run(app)
        times.append(time.perf_counter() - began)
    print(f"{statistics.median(times) * 1e3:.3f}")


measure = {"loop": measure_loop, "tools": measure_tools}[sys.argv[1]]
asyncio.run(measure(int(sys.argv[2])))
