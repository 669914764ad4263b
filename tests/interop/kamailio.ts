/**
 * kamailio, a SIP server that nobody here wrote: as a carrier that asks for SHA-256 digests, and as a proxy that stays in
 * the path of a phone's dialogs. Its configuration is made when it runs.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, until } from '../carillon.ts'

interface Place {
  /** Of loopback, its own. */
  readonly address: string
}
export interface CarrierAccount extends Place {
  readonly realm: string
  readonly username: string
  readonly password: string
  /** Who is called by whatever number comes, and calls. */
  readonly subscriber: { readonly address: string; readonly port: number }
}
export interface ProxyPlace extends Place {
  /** Carillon's port. */
  readonly to: number
}

export class Kamailio {
  readonly address: string
  readonly port: number
  readonly #folder = mkdtempSync(join(tmpdir(), 'carillon-kamailio-'))
  readonly #child: ChildProcess
  output = ''

  private constructor(address: string, port: number, routing: string) {
    this.address = address
    this.port = port
    const file = join(this.#folder, 'kamailio.cfg')
    writeFileSync(file, `${head(address, port)}\n${routing}`)
    const places = ['-w', this.#folder, '-Y', this.#folder, '-P', join(this.#folder, 'pid')]
    this.#child = spawn('kamailio', ['-f', file, '-DD', '-E', '-m', '32', '-M', '4', ...places], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    this.#child.stdout?.on('data', (text) => (this.output += text))
    this.#child.stderr?.on('data', (text) => (this.output += text))
  }

  /** Registers `username` and calls it by that registration; challenges its calls, and takes them to the subscriber. */
  static async carrier(account: CarrierAccount): Promise<Kamailio> {
    return Kamailio.#start(account.address, carrierRouting(account))
  }

  /** Before a phone: adds Path and Record-Route to all that passes. */
  static async proxy(place: ProxyPlace): Promise<Kamailio> {
    return Kamailio.#start(place.address, proxyRouting(place))
  }

  static async #start(address: string, routing: string): Promise<Kamailio> {
    const kamailio = new Kamailio(address, await freePort(), routing)
    const isUp = () => {
      if (kamailio.#child.exitCode !== null) throw new Error(`kamailio: ${kamailio.output}`)
      return kamailio.output.includes('carillon: ready')
    }
    try {
      await until(isUp, 'kamailio runs')
    } catch (error) {
      await kamailio.stop()
      throw new Error(`${error}\n${kamailio.output}`)
    }
    return kamailio
  }

  async stop(): Promise<void> {
    const { exitCode, signalCode, pid } = this.#child
    if (exitCode === null && signalCode === null && pid !== undefined) {
      const gone = once(this.#child, 'exit')
      // With its children, which take seconds when they are asked.
      process.kill(-pid, 'SIGKILL')
      await gone
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

const head = (address: string, port: number) => `#!KAMAILIO
debug=2
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:${address}:${port}
loadmodule "pv.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
loadmodule "auth.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "path.so"
modparam("auth", "algorithm", "SHA-256")
modparam("auth", "qop", "auth")
modparam("rr", "enable_full_lr", 1)
modparam("usrloc", "db_mode", 0)
modparam("registrar", "use_path", 1)
modparam("path", "use_received", 1)
event_route[core:worker-one-init] { xlog("L_ERR", "carillon: ready\\n"); }
`

/** Within a dialog, and what belongs to a request that is on its way. */
const common = `
  if (!mf_process_maxfwd_header("20")) { sl_send_reply("483", "Too Many Hops"); exit; }
  if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
  if (has_totag()) {
    if (loose_route()) { t_relay(); exit; }
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    sl_send_reply("481", "No Such Dialog"); exit;
  }
  t_check_trans();
`

const carrierRouting = ({ realm, username, password, subscriber }: CarrierAccount) => `
request_route {
${common}
  if (is_method("OPTIONS")) { sl_send_reply("404", "Nobody Here"); exit; }
  if (is_method("REGISTER")) {
    if ($au != "${username}" || !pv_www_authenticate("${realm}", "${password}", "0")) {
      www_challenge("${realm}", "1"); exit;
    }
    save("location"); exit;
  }
  if (!is_method("INVITE")) { sl_send_reply("405", "Method Not Allowed"); exit; }
  record_route();
  if ($si == "${subscriber.address}") {
    $var(number) = $rU;
    $ru = "sip:${username}@${realm}";
    if (!lookup("location")) { sl_send_reply("480", "Not Registered"); exit; }
    t_relay(); exit;
  }
  if ($au != "${username}" || !pv_proxy_authenticate("${realm}", "${password}", "0")) {
    proxy_challenge("${realm}", "1"); exit;
  }
  consume_credentials();
  $du = "sip:${subscriber.address}:${subscriber.port}";
  t_relay();
}
`

const proxyRouting = ({ to }: ProxyPlace) => `
request_route {
${common}
  if (is_method("REGISTER")) { add_path_received(); }
  if (is_method("INVITE|SUBSCRIBE")) { record_route(); }
  if ($sp == ${to}) {
    # To the phone: takes our Route off, which is the Path of its registration.
    loose_route();
    t_relay(); exit;
  }
  $du = "sip:127.0.0.1:${to}";
  t_relay();
}
`
