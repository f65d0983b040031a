/**
 * The script of a call: the barrier's rules around the user's two texts.
 *
 * RD2 Everything of a call happens in one script: nothing comes between the verdict, the check, the work and the row.
 * RD3 Until `check` has passed nothing is written, and `check` itself cannot write.
 * RD4 The first write is the row, with a mark that is taken off at the very end: refusals of the server (memory, replica)
 *    can only hit that first write, and a work that failed half-way is known for ever as such.
 * RD5 A row expires only together with its `end`. All slots of a branch are one key, so none outlives another.
 */
import { createHash } from 'node:crypto';
import { readCommands } from './redis-reads';

/** A script and the name by which the server keeps it. */
export interface RedisScript {
  readonly text: string;
  readonly sha: string;
  /** Where the user's texts stand in it, for messages. */
  readonly places: readonly TextPlace[];
}

/** The first and the last line of a text, counted from 1. */
interface TextPlace {
  readonly name: 'check' | 'apply';
  readonly from: number;
  readonly to: number;
}

/** Fields of a row: `try` and `end` hold the phase that took the slot, `<slot>.half` why its work is not whole. */
const rules = `
local row, phase, slot = KEYS[1], ARGV[1], ARGV[1] == 'try' and 'try' or 'end'
local function textOf(thrown)
  if type(thrown) == 'table' then thrown = thrown.err or 'a table' end
  return tostring(thrown)
end
local function from(list, first)
  local part = {}
  for i = first, #list do part[i - first + 1] = list[i] end
  return part
end
local function checkedRead(name)
  if type(name) ~= 'string' or not string.find(READS, ' ' .. string.upper(name) .. ' ', 1, true) then
    error('check may only read, and ' .. tostring(name) .. ' is not on the list of commands that do', 0)
  end
end
local function world(call, pcall)
  return {
    call = call, pcall = pcall, sha1hex = redis.sha1hex, log = redis.log, LOG_DEBUG = redis.LOG_DEBUG,
    LOG_VERBOSE = redis.LOG_VERBOSE, LOG_NOTICE = redis.LOG_NOTICE, LOG_WARNING = redis.LOG_WARNING,
  }
end
local function reading(run)
  return function(...)
    checkedRead((...))
    return run(...)
  end
end
local function write(...)
  local answer = redis.pcall(...)
  return type(answer) == 'table' and answer.err or nil
end

local found = redis.call('HMGET', row, 'try', 'try.half', 'try.reply', 'try.saved', 'try.note',
  'end', 'end.half', 'end.reply', 'end.saved')
local tryOp, endOp = found[1], found[6]
local observed = phase ~= 'try' and tryOp == 'try' and 'tried'
if phase == 'try' then
  if tryOp and (tryOp ~= 'try' or endOp == 'cancel') then return { 'late' } end
  if tryOp and found[2] then return { 'half', 'try', found[2] } end
  if tryOp then return { 'duplicate', found[3], found[4], found[5] } end
else
  if endOp and endOp ~= phase then return { 'conflict', endOp } end
  if endOp and found[7] then return { 'half', 'end', found[7] } end
  if endOp then return { 'duplicate', found[8], found[9], false, observed, found[3], found[5] } end
  if tryOp ~= 'try' and phase == 'confirm' then return { 'conflict', 'none' } end
  if tryOp and found[2] then return { 'half', 'try', found[2] } end
end

local about = { 'HSET', row, slot, phase, slot .. '.attempt', ARGV[3], slot .. '.time', ARGV[4], 'gid', ARGV[2] }
if phase == 'cancel' and not tryOp then
  about[#about + 1] = 'try'
  about[#about + 1] = 'cancel'
  if ARGV[6] == 'skip' then
    about[#about + 1] = 'end.reply'
    about[#about + 1] = ''
    local refused = write(unpack(about))
    if refused then return { 'not-written', refused } end
    redis.call('PEXPIRE', row, ARGV[5])
    return { 'empty' }
  end
end

local tried
if observed then tried = { reply = found[3] or nil, saved = found[4] or nil } end
local passed, refusal = pcall(check, world(reading(redis.call), reading(redis.pcall)), from(KEYS, 2), from(ARGV, 9), tried)
if not passed then return { 'check-failed', textOf(refusal) } end
if type(refusal) == 'string' then return { 'refused', refusal } end
if refusal ~= nil then
  return { 'check-failed', 'it returned a ' .. type(refusal) .. '; return nothing to go on, or a text to refuse' }
end

about[#about + 1] = slot .. '.half'
about[#about + 1] = 'it did not end'
local refused = write(unpack(about))
if refused then return { 'not-written', refused } end

local whole, saved = pcall(apply, world(redis.call, redis.pcall), from(KEYS, 2), from(ARGV, 9), tried)
if whole and type(saved) == 'table' and saved.err then whole = false end
if not whole then
  redis.call('HSET', row, slot .. '.half', textOf(saved))
  return { 'failed', textOf(saved) }
end
if type(saved) == 'number' then
  saved = string.format(saved == math.floor(saved) and math.abs(saved) < 1e15 and '%.0f' or '%.17g', saved)
end
if type(saved) ~= 'string' then saved = false end
redis.call('HDEL', row, slot .. '.half')
if ARGV[7] == 'stored' then redis.call('HSET', row, slot .. '.reply', ARGV[8]) end
if saved then redis.call('HSET', row, slot .. '.saved', saved) end
if slot == 'end' then redis.call('PEXPIRE', row, ARGV[5]) end
return { 'done', saved, observed, found[3], found[5] }
`;

/** What the user's texts could reach the real `redis` by: hidden by locals that are nil. */
const hidden = 'local _G, load, loadstring, getfenv, setfenv, server';

/** Stands before each of the user's texts: a function of its own, before anything of the rules can be seen. */
function bodyOf(name: string, text: string): string {
  return `local function ${name}(redis, KEYS, ARGV, tried) ${hidden}\n${text}\nend\n`;
}

/**
 * Adds fields to a row that is there, each once: the reply that a function made, and what the SDK keeps beside it. They are
 * known only after the script of the call.
 */
export const addScript = scriptOf(
  `if redis.call('EXISTS', KEYS[1]) == 1 then
  for i = 1, #ARGV, 2 do redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
return { 'added' }`,
  [],
);

function callScript(check: string, apply: string): RedisScript {
  const text = `${bodyOf('check', check)}${bodyOf('apply', apply)}local READS = ' ${readCommands.join(' ')} '${rules}`;
  // A line before each text, and the `end` after the first.
  const ofCheck = { name: 'check', from: 2, to: 1 + linesOf(check) } as const;
  const first = ofCheck.to + 3;
  return scriptOf(text, [ofCheck, { name: 'apply', from: first, to: first - 1 + linesOf(apply) }]);
}

/** Scripts that are kept ready; with more pairs of texts than this, somebody writes values into them. */
const SCRIPTS_MAX = 1_000;

/** Keeps scripts, so that a text is put together and hashed once. */
export class ScriptShelf {
  private readonly scripts = new Map<string, RedisScript>();

  /** The script for a pair of the user's texts. The same pair gives the same script. */
  of(check: string, apply: string): RedisScript {
    const key = `${check.length} ${check}${apply}`;
    const known = this.scripts.get(key);
    if (known !== undefined) return known;
    if (this.scripts.size >= SCRIPTS_MAX) this.scripts.clear();
    const script = callScript(check, apply);
    this.scripts.set(key, script);
    return script;
  }
}

function scriptOf(text: string, places: RedisScript['places']): RedisScript {
  return { text, sha: createHash('sha1').update(text).digest('hex'), places };
}

function linesOf(text: string): number {
  return text.split('\n').length;
}

/** Puts the lines of the user's own texts in place of the script's in a message of Lua. */
export function withOwnLines(message: string, { places }: RedisScript): string {
  return message.replace(/@?user_script:\s?(\d+):(?: @?user_script: ?\d+:)?/g, (whole, digits) => {
    const line = Number(digits);
    const place = places.find(({ from, to }) => line >= from && line <= to);
    if (place !== undefined) return `${place.name}:${line - place.from + 1}:`;
    const last = places.at(-1);
    // An open block goes on into what stands behind it.
    return last !== undefined && line > last.to ? 'after the end of check and apply:' : whole;
  });
}
