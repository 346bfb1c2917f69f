// A worker of the Workflow Engine. It dials out, says which step type it serves, and does the steps it is given.
//
//   node worker.js [HOST:PORT]
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import grpc from '@grpc/grpc-js'
import { backOff, connect, fromJson, metadata, toJson, WorkerService } from './contact.js'

// --- the step type: a contract and a function. This is the part to change.

const CONTRACT = {
  name: 'node.slugify',
  version: '1.0.0',
  title: 'Slug of a text',
  description: 'Makes a text fit for a URL.',
  input_schema: JSON.stringify({
    type: 'object', properties: { text: { type: 'string' } }, required: ['text'], additionalProperties: false,
  }),
  config_schema: JSON.stringify({
    type: 'object', additionalProperties: false,
    properties: { delay_ms: { type: 'integer', minimum: 0, maximum: 60_000 } },
  }),
  output_schema: JSON.stringify({
    type: 'object', properties: { slug: { type: 'string' } }, required: ['slug'], additionalProperties: false,
  }),
  effect: 'EFFECT_PURE',
  error_codes: [{ code: 'empty-slug', retryable: false, description: 'No letter or digit is in the text.' }],
}
const SLOTS = 8

async function slugify({ text }, { delay_ms = 0 }, signal) {
  await sleep(delay_ms, null, { signal }) // so that you can see what happens to a slow step
  const plain = text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase() // without accents
  const slug = plain.replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '')
  if (!slug) throw Object.assign(new Error('The text has no letter or digit'), { code: 'empty-slug' })
  return { slug }
}

// --- what this process holds, on whichever stream. It outlives streams and servers.

const WORKER_ID = `node-${hostname()}-${randomUUID().slice(0, 8)}`
const held = new Map() // key of a lease -> the step, its result included until the server acked it
const keyOf = (lease) => `${lease.execution_id} ${lease.path} ${lease.delivery}`
const now = () => performance.now() / 1000 // monotonic: a changed clock cannot prolong a lease
const log = (...what) => console.log('[node]', ...what)

let draining = false
let session = null // the one stream that stands, and what is known of it
let terms = null // the Welcome of the last one
let accepted = false // the contract was, in this life of the process
let pause = new AbortController() // cuts the wait between two sessions short

/** Start on one assignment. What comes of it is kept until the server says that it is durable. */
async function work(assignment) {
  const { lease } = assignment
  const step = { lease, abort: new AbortController(), expires: now() + terms.lease_seconds, renewed: 0, result: null }
  held.set(keyOf(lease), step)
  log(`working on ${lease.execution_id} ${lease.path}, attempt ${assignment.attempt}`)
  const begun = now()
  let outcome
  try {
    const input = fromJson(assignment.input?.data) ?? {}
    const config = fromJson(assignment.config?.data) ?? {}
    outcome = { output: { data: toJson(await slugify(input, config, step.abort.signal)) } }
  } catch (error) {
    outcome = { failure: { code: error.code ?? 'crashed', message: String(error.message) } }
  }
  if (step.abort.signal.aborted) return stopped(step)
  step.result = { lease, ...outcome, duration_ms: (now() - begun) * 1000 }
  say('results', 'items', step.result)
}

/** The work has really ended that was to be stopped: nothing is reported of it but, if asked, that. */
function stopped(step) {
  held.delete(keyOf(step.lease))
  log(`stopped ${step.lease.execution_id} ${step.lease.path}: ${step.abort.signal.reason}`)
  if (step.confirm) say('cancel_acks', 'leases', step.lease)
}

function stop(lease, reason, confirm = false) {
  const step = held.get(keyOf(lease))
  if (step && !step.result) {
    step.confirm = confirm
    return step.abort.abort(reason)
  }
  held.delete(keyOf(lease))
  if (confirm) say('cancel_acks', 'leases', lease)
}

// --- sending: what is said in one turn of the event loop goes out as one frame of each kind.

let waiting = {}

const write = (frame) => session.stream.writable && session.stream.write(frame)

function say(frame, field, ...items) {
  if (!Object.keys(waiting).length) setImmediate(flush)
  waiting[frame] ??= { [field]: [] }
  waiting[frame][field].push(...items)
}

function flush() {
  // Without a session nothing is lost: the next one begins with what is held and the results that were not acked.
  if (session?.welcomed) for (const [frame, body] of Object.entries(waiting)) write({ [frame]: body })
  waiting = {}
}

// --- the frames of the server

const answers = {
  welcome(welcome) {
    terms = welcome
    log(`welcome: session ${welcome.session_id}, epoch ${welcome.epoch}`)
    const steps = [...held.values()]
    write({ register: { steps: [CONTRACT] } })
    for (const step of steps) step.renewed = now()
    if (steps.length) write({ resume: { held: steps.map((step) => step.lease) } })
    write({ ready: {} })
    write({ credits: { slots: { '': draining ? 0 : SLOTS } } })
    resend()
    if (draining) write({ drain: {} })
  },
  registered({ serves }) {
    session.registered = accepted = true
    log(`serving ${serves.join(', ')}`)
  },
  verdicts({ items }) {
    for (const { lease, code } of items) {
      log(`${lease.execution_id} ${lease.path}: ${code}`)
      const step = held.get(keyOf(lease))
      if (code !== 'VERDICT_CODE_KEEP') stop(lease, 'the server gave it away')
      else if (step) step.expires = step.renewed + terms.lease_seconds
    }
  },
  assign({ items }) {
    say('acks', 'leases', ...items.map((assignment) => assignment.lease))
    for (const assignment of items) if (!held.has(keyOf(assignment.lease))) work(assignment)
  },
  cancels({ items }) {
    for (const { lease, reason } of items) stop(lease, reason, true)
  },
  renewed({ items }) {
    for (const { lease, code, message } of items) {
      const step = held.get(keyOf(lease))
      if (step && code === 'LEASE_CODE_OK') step.expires = step.renewed + terms.lease_seconds
      else if (step && !step.result && code !== 'LEASE_CODE_UNAVAILABLE') stop(lease, message || code)
    }
  },
  result_acks({ items }) {
    for (const { lease, code, message } of items) {
      if (code === 'LEASE_CODE_UNAVAILABLE') { setTimeout(resend, 1000); continue }
      held.delete(keyOf(lease))
      log(`${code === 'LEASE_CODE_OK' ? 'served' : `${code} (${message})`} ${lease.execution_id} ${lease.path}`)
    }
  },
  ping({ nonce }) {
    write({ pong: { nonce } })
  },
  drained() {
    log('drained')
    session.drained = true
  },
  go_away({ reconnect_after_seconds, reason }) {
    log(`the server goes away: ${reason}`)
    session.reconnectAfter = reconnect_after_seconds * 1000
    session.stream.end()
  },
  error({ code, message, fatal, problems }) {
    log(`the server refused a frame: ${message} (${code})`)
    for (const problem of problems) if (problem.pointer) log(`  ${problem.pointer}: ${problem.message}`)
    if (session.registered && !fatal) return
    // Who could register before comes back; a contract that never was accepted is for people to mend.
    session.refused = fatal || !accepted
    session.stream.end()
  },
}

function resend() {
  const results = [...held.values()].flatMap((step) => step.result ?? [])
  if (results.length) say('results', 'items', ...results)
}

/** Drained is said of what we were given; we go when the last result is durable, too. */
function leaveIfDone() {
  if (session.drained && !held.size) session.stream.end()
}

/** Once a second: renew in one batch, give up what expired, and leave a stream that has fallen silent. */
function tick() {
  const renew = []
  for (const step of held.values()) {
    if (!step.result && now() > step.expires) stop(step.lease, 'its lease ran out')
    else if (now() > step.expires - terms.lease_seconds * 0.75 && now() > step.renewed + 1) renew.push(step)
  }
  for (const step of renew) step.renewed = now()
  if (renew.length) say('renew', 'leases', ...renew.map((step) => step.lease))
  leaveIfDone()
  if (now() > session.heard + (terms?.dead_after_seconds ?? 30)) session.stream.cancel()
}

// --- one session after the other, until drained or refused

// What no other try mends; ABORTED: another process took this worker id.
const HOPELESS = new Set([
  'INVALID_ARGUMENT', 'UNAUTHENTICATED', 'PERMISSION_DENIED', 'FAILED_PRECONDITION', 'UNIMPLEMENTED', 'ABORTED',
])

/** Run one session to its end: how it ended. A client of its own, so that no pause of gRPC adds to ours. */
function run(target) {
  const client = connect(WorkerService, target)
  const stream = client.Session(metadata())
  const nothingYet = { welcomed: false, registered: false, drained: false, refused: false, reconnectAfter: 0 }
  session = { stream, heard: now(), ...nothingYet }
  const ticking = setInterval(tick, 1000)
  return new Promise((resolve) => {
    const ended = (code, details) => {
      clearInterval(ticking)
      client.close()
      resolve({ ...session, code, details })
      session = null
    }
    stream.on('data', (response) => {
      session.heard = now()
      session.welcomed ||= response.frame === 'welcome'
      answers[response.frame]?.(response[response.frame]) // frames that we do not know are ignored
      leaveIfDone()
    })
    stream.on('error', () => {}) // the status says it better, and comes for every end
    stream.once('status', ({ code, details }) => ended(grpc.status[code], details))
    const sdk = `node ${process.version}`
    write({ hello: { proto_min: 1, proto_max: 1, worker_id: WORKER_ID, sdk, capabilities: ['cancel'] } })
  })
}

async function main(target) {
  for (let failures = 0; ; failures++) {
    const end = await run(target)
    if (draining && !held.size) return 0
    if (end.refused || HOPELESS.has(end.code)) {
      log(`giving up: ${end.code} ${end.details}`)
      return 1
    }
    if (end.registered) failures = 0
    const wait = end.reconnectAfter + backOff(failures)
    log(`disconnected (${end.code} ${end.details}), holding ${held.size}; again in ${Math.round(wait)} ms`)
    await sleep(wait, null, { signal: pause.signal }).catch(() => { pause = new AbortController() })
  }
}

process.on('SIGTERM', () => {
  log(`draining, ${held.size} in flight`)
  draining = true
  if (session?.welcomed) write({ drain: {} })
  pause.abort()
})
process.exit(await main(process.argv[2] ?? process.env.WORKFLOW_ENGINE_TARGET ?? 'localhost:50051'))
