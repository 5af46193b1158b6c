import { stat } from 'node:fs/promises';
import type { Spool } from '../spool/layout.ts';

/**
 * Runs `work` as the user whom the spool belongs to, when root gives a command: what root made there, the daemon could neither read nor remove.
 * One at a time, for the whole process has one user.
 */
export async function asSpoolOwner<T>(spool: Spool, work: () => Promise<T>): Promise<T> {
  const { uid, gid } = await stat(spool.root);
  const { geteuid, getegid, seteuid, setegid } = process;
  if (geteuid?.() !== 0 || uid === 0 || seteuid === undefined || setegid === undefined) return work();
  const group = getegid?.() ?? 0;
  setegid.call(process, gid);
  seteuid.call(process, uid);
  try {
    return await work();
  } finally {
    seteuid.call(process, 0);
    setegid.call(process, group);
  }
}
