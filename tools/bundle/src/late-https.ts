/**
 * Stands in for `node:https` in the AWS SDK, which makes an agent for it with every client. Loading it loads `node:tls`, which at once begins
 * to read all root certificates on a thread of its own (lib/tls.js): 23 ms of CPU. The SDK's variables say when an endpoint does without TLS;
 * otherwise it is loaded at once, so that the certificates are there by the time they are needed.
 */
import type { ClientRequest, IncomingMessage } from 'node:http';
import type * as Https from 'node:https';
import type { Agent, AgentOptions, RequestOptions } from 'node:https';

let loaded: typeof Https | undefined;
function https(): typeof Https {
  return (loaded ??= process.getBuiltinModule('node:https'));
}

const endpoint = process.env['AWS_ENDPOINT_URL_KMS'] ?? process.env['AWS_ENDPOINT_URL'];
if (endpoint?.startsWith('http:') !== true) https();

const makers = new WeakMap<object, () => Agent>();

/** Called with `new`. The agent is made when something is first asked of it. */
function LateAgent(options?: AgentOptions): object {
  let agent: Agent | undefined;
  const make = (): Agent => (agent ??= new (https().Agent)(options));
  const late = new Proxy(
    {},
    {
      get: (_target, name) => Reflect.get(make(), name) as unknown,
      has: (_target, name) => Reflect.has(make(), name),
    },
  );
  makers.set(late, make);
  return late;
}

/** Node itself sees the real agent. */
function request(options: RequestOptions, onResponse: (response: IncomingMessage) => void): ClientRequest {
  const { agent } = options;
  const make = typeof agent === 'object' ? makers.get(agent) : undefined;
  return https().request(make === undefined ? options : { ...options, agent: make() }, onResponse);
}

// oxlint-disable-next-line import/no-default-export -- as Node exports it
export default { Agent: LateAgent, request };
