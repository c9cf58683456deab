"""The performance guide's own snippets as a server: FastAPI, SQLAlchemy, asyncpg and Redis over the
database that the benchmark has seeded. It knows no callers: that work is Resonant's alone."""

import json
import os
import uuid
from functools import wraps

import redis.asyncio
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.middleware.gzip import GZipMiddleware
from sqlalchemy import BigInteger, DateTime, String, select
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine(
    os.environ["PEER_DATABASE_URL"].replace("postgres://", "postgresql+asyncpg://"),
    pool_size=20,
    max_overflow=10,
    pool_pre_ping=True,
    pool_recycle=3600,
)
sessions = async_sessionmaker(engine, expire_on_commit=False)
redis_client = redis.asyncio.from_url(os.environ["PEER_REDIS_URL"])
owner_id = uuid.UUID(os.environ["PEER_OWNER_ID"])

app = FastAPI()
app.add_middleware(GZipMiddleware, minimum_size=1000)


class Base(DeclarativeBase):
    pass


class Agent(Base):
    __tablename__ = "agents"
    owner_id: Mapped[uuid.UUID] = mapped_column(UUID(as_uuid=True), primary_key=True)
    agent_id: Mapped[uuid.UUID] = mapped_column(UUID(as_uuid=True), primary_key=True)
    name: Mapped[str] = mapped_column(String)
    description: Mapped[str] = mapped_column(String)
    avatar: Mapped[dict] = mapped_column(JSONB)
    system_prompt: Mapped[str] = mapped_column(String)
    model_policy: Mapped[dict] = mapped_column(JSONB)
    tools: Mapped[list] = mapped_column(JSONB)
    limits: Mapped[dict] = mapped_column(JSONB)
    status: Mapped[str] = mapped_column(String)
    revision: Mapped[int] = mapped_column(BigInteger)
    created_at = mapped_column(DateTime(timezone=True))
    updated_at = mapped_column(DateTime(timezone=True))


SUMMARY = ("agent_id", "name", "description", "avatar", "status", "created_at", "updated_at")
WHOLE = SUMMARY + ("owner_id", "system_prompt", "model_policy", "tools", "limits", "revision")


def shown(agent, names):
    values = {name: getattr(agent, name) for name in names}
    return {k: v if isinstance(v, (str, int, dict, list)) else str(v) for k, v in values.items()}


def cache_response(ttl_seconds=300):
    def decorator(func):
        @wraps(func)
        async def wrapper(*args, **kwargs):
            cache_key = f"{func.__name__}:{hash(str(args) + str(kwargs))}"
            cached = await redis_client.get(cache_key)
            if cached:
                return json.loads(cached)
            result = await func(*args, **kwargs)
            await redis_client.setex(cache_key, ttl_seconds, json.dumps(result))
            return result

        return wrapper

    return decorator


@cache_response(ttl_seconds=60)
async def load_agent(agent_id: str):
    async with sessions() as db:
        agent = await db.get(Agent, (owner_id, uuid.UUID(agent_id)))
        return shown(agent, WHOLE) if agent else None


@app.get("/api/v1/agents/{agent_id}")
async def get_agent(agent_id: str, request: Request, response: Response, fields: str = None):
    agent = await load_agent(agent_id)
    if agent is None:
        raise HTTPException(404)
    etag = f'"{agent["revision"]}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag})
    response.headers["Cache-Control"] = "public, max-age=60"
    response.headers["ETag"] = etag
    if fields:
        return {name: agent[{"id": "agent_id"}.get(name, name)] for name in fields.split(",")}
    return agent


@app.get("/api/v1/agents")
async def list_agents(limit: int = 50, offset: int = 0):
    query = select(Agent).where(Agent.owner_id == owner_id)
    query = query.order_by(Agent.updated_at.desc(), Agent.agent_id.desc())
    async with sessions() as db:
        found = (await db.scalars(query.limit(limit + 1).offset(offset))).all()
    agents = [shown(agent, SUMMARY) for agent in found[:limit]]
    return {"agents": agents, "has_more": len(found) > limit}


@app.post("/api/v1/agents/batch")
async def get_many(request: Request):
    ids = [uuid.UUID(text) for text in (await request.json())["ids"]]
    query = select(Agent).where(Agent.owner_id == owner_id, Agent.agent_id.in_(ids))
    async with sessions() as db:
        found = {agent.agent_id: agent for agent in (await db.scalars(query)).all()}
    return {"agents": [shown(found[id], WHOLE) for id in ids if id in found]}
