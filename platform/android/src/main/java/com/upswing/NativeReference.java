package com.upswing;

import java.lang.ref.PhantomReference;
import java.lang.ref.ReferenceQueue;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;

/**
 * Frees a native subject that was not closed, after its object was collected: when the next one is
 * made, so that no thread of our own waits for it.
 */
final class NativeReference extends PhantomReference<Subject> {
  private static final ReferenceQueue<Subject> COLLECTED = new ReferenceQueue<>();
  private static final Set<NativeReference> ALIVE =
      Collections.synchronizedSet(
          Collections.newSetFromMap(new IdentityHashMap<NativeReference, Boolean>()));

  private long handle;

  private NativeReference(Subject owner, long handle) {
    super(owner, COLLECTED);
    this.handle = handle;
  }

  static NativeReference create(Subject owner, long handle) {
    drain();
    final NativeReference reference = new NativeReference(owner, handle);
    ALIVE.add(reference);
    return reference;
  }

  /** Frees what was collected; the number that is still alive. */
  static int drain() {
    for (Object r = COLLECTED.poll(); r != null; r = COLLECTED.poll()) ((NativeReference) r).free();
    return ALIVE.size();
  }

  synchronized void free() {
    if (handle == 0) return;
    Subject.destroy(handle);
    handle = 0;
    ALIVE.remove(this);
  }
}
