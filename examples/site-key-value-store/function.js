// Sends viewers to the live release of a site: a CloudFront function for viewer requests, runtime cloudfront-js-2.0.
// Lockstep writes the key; its value is the path of the release, such as /releases/live-quiz/production/web/3f2a9c1b0d4e5f607182.
import cf from 'cloudfront';

// APPLICATION/ENVIRONMENT/SITE, or what `switch.key` says in lockstep.yaml.
const KEY = 'live-quiz/production/web';

// Whether addresses whose last part has no dot are answered with /index.html, as single-page applications need it. The distribution's
// own error pages are no substitute: CloudFront gets them without asking this function, and so from no release.
const SINGLE_PAGE = true;

const store = cf.kvs();

async function handler(event) {
  const request = event.request;
  let path = request.uri;
  if (path.endsWith('/')) {
    path += 'index.html';
  } else if (SINGLE_PAGE && !path.split('/').pop().includes('.')) {
    path = '/index.html';
  }
  // Before the first release there is no key: what the bucket itself holds is served. Any other failure is answered with 503 by
  // CloudFront, and not with the files of another release.
  request.uri = ((await store.exists(KEY)) ? await store.get(KEY) : '') + path;
  return request;
}
