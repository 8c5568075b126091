#pragma once

namespace spillway::analysis::pages {

/// The page's CSS: light or dark as the browser wishes, narrow windows, paper.
extern const char* const page_css;

}  // namespace spillway::analysis::pages
