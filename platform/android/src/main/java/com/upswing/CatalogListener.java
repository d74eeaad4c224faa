package com.upswing;

/** Called after a catalog came into force, from the library's thread or from the call that did it. */
public interface CatalogListener {
  void onCatalog(long version);
}
