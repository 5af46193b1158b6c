/** Where an envelope's files go. A sink holds one envelope: `exists`, `create` (a writer with `write` and `close`), `discard`. */

/** Into a folder that the user has chosen, written as it is made: any size, little memory. */
export function folderSink(directory) {
  const names = [];
  const open = [];
  return {
    names,
    exists: async (name) => {
      try {
        await directory.getFileHandle(name);
        return true;
      } catch (error) {
        if (error.name === 'NotFoundError') return false;
        if (error.name === 'TypeMismatchError') return true;
        throw error;
      }
    },
    create: async (name) => {
      const handle = await directory.getFileHandle(name, { create: true });
      names.push(name);
      const stream = await handle.createWritable();
      open.push(stream);
      return stream;
    },
    discard: async () => {
      await Promise.allSettled(open.map((stream) => stream.abort()));
      await Promise.allSettled(names.map((name) => directory.removeEntry(name)));
    },
  };
}

/** Into the browser's memory, to be downloaded. */
export function downloadSink() {
  const files = [];
  return {
    files,
    exists: async () => false,
    create: async (name) => {
      const parts = [];
      return {
        // A Blob for each piece, so that the browser may move it out of memory.
        write: async (bytes) => void parts.push(new Blob([bytes])),
        close: async () => void files.push({ name, blob: new Blob(parts, { type: 'application/octet-stream' }) }),
      };
    },
    discard: async () => void files.splice(0),
  };
}
