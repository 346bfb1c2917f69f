// A caller of the Workflow Engine: validates a workflow, executes it, watches it to its end and prints what came out.
// Exit code 0 means that it completed.
//
//   node caller.js [HOST:PORT] [DOCUMENT.json]
import { readFileSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'
import grpc from '@grpc/grpc-js'
import { backOff, connect, fromJson, metadata, toJson, WorkflowService } from './contact.js'

const TERMINAL = new Set(['execution_completed', 'execution_failed', 'execution_cancelled'])
const DEADLINE_SECONDS = 120

// What runs when no document is given: one step, done by worker.js.
const HELLO = {
  workflow_config: {
    name: 'Hello from Node.js',
    steps: [{ step_id: 'slug', step_type: 'node.slugify', input_mapping: { text: '${input.text}' } }],
    output: { slug: '${steps.slug.output.slug}' },
  },
  input_data: { text: 'Hello, Wide World!' },
}

const [target = process.env.WORKFLOW_ENGINE_TARGET ?? 'localhost:50051', file] = process.argv.slice(2)
const client = connect(WorkflowService, target)
const deadline = Date.now() + DEADLINE_SECONDS * 1000

/** One unary call, repeated while the server is away. Only what is safe to repeat is called so. */
async function call(method, request) {
  for (let failures = 0; ; failures++) {
    try {
      return await promisify(client[method]).call(client, request, metadata(), { deadline })
    } catch (error) {
      if (error.code !== grpc.status.UNAVAILABLE || Date.now() > deadline) throw error
      await sleep(backOff(failures))
    }
  }
}

/** Print every event once, in order, whatever happens to the connection. */
async function watch(executionId) {
  let after = '0'
  for (let failures = 0; ; failures++) {
    try {
      for await (const { events } of client.Watch({ execution_id: executionId, after }, metadata(), { deadline })) {
        failures = 0
        for (const { seq, kind, path } of events) {
          console.log(seq, kind, path)
          after = seq
          if (TERMINAL.has(kind)) return
        }
      }
    } catch (error) {
      if (error.code !== grpc.status.UNAVAILABLE || Date.now() > deadline) throw error
      console.log('the connection broke; watching on from', after)
      await sleep(backOff(failures))
    }
  }
}

async function main() {
  const body = file ? JSON.parse(readFileSync(file, 'utf8')) : HELLO
  const found = await call('Validate', { document: toJson(body.workflow_config ?? body) })
  if (!found.is_valid) {
    for (const { pointer, code, message } of found.problems) console.error(`${pointer}: ${message} (${code})`)
    return 1
  }
  // With a key of its own, repeating it after a broken connection starts nothing twice.
  const started = await call('Execute', { body: toJson(body), idempotency_key: randomUUID() })
  console.log('started', started.execution_id)
  await watch(started.execution_id)
  const { results } = await call('GetResults', { execution_id: started.execution_id })
  for (const [path, step] of Object.entries(results.steps).sort()) console.log(`${path}: ${step.status} ${step.output}`)
  console.log(`watched ${started.execution_id} to its end: ${results.status}`, JSON.stringify(fromJson(results.output)))
  return results.status === 'completed' ? 0 : 1
}

process.exitCode = await main().catch((error) => {
  console.error(error.details ? `${grpc.status[error.code]}: ${error.details}` : error)
  return 1
})
client.close()
