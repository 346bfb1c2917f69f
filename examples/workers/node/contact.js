// What the worker and the caller share: the protos, loaded as they are, and the way to the server.
import { fileURLToPath } from 'node:url'
import grpc from '@grpc/grpc-js'
import protoLoader from '@grpc/proto-loader'

const PROTOS = fileURLToPath(new URL('../../../protos', import.meta.url))

// Field names as in the protos; 64-bit integers as strings, so that none is rounded; `message.frame` says which is set.
const { workflow_engine } = grpc.loadPackageDefinition(
  protoLoader.loadSync(['worker', 'workflow'].map((name) => `workflow_engine/v1/${name}.proto`), {
    includeDirs: [PROTOS], keepCase: true, longs: String, enums: String, defaults: true, oneofs: true,
  }),
)
export const { WorkerService, WorkflowService } = workflow_engine.v1

/** A client of one of the services. Plain text, as a server on this machine speaks; use `createSsl` for one with TLS. */
export function connect(Service, target) {
  return new Service(target, grpc.credentials.createInsecure())
}

/** What goes with every call: the API key, when there is one. */
export function metadata() {
  const sent = new grpc.Metadata()
  const key = process.env.WORKFLOW_ENGINE_API_KEY
  if (key) sent.set('authorization', `Bearer ${key}`)
  return sent
}

/** Values cross the border as JSON in bytes. */
export const toJson = (value) => Buffer.from(JSON.stringify(value))
export const fromJson = (bytes) => (bytes?.length ? JSON.parse(bytes.toString()) : null)

/** A wait that grows with every failure in a row, jittered so that a thousand peers do not come back at once. */
export const backOff = (failures) => Math.min(10_000, 200 * 2 ** Math.min(failures, 10)) * (0.5 + Math.random() / 2)
