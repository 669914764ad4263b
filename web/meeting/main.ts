/**
 * The first thing that runs: it speaks to the server while the page that shows the answer is still on its way.
 */
import '../kit/tokens.css'
import '../kit/kit.css'
import './door.css'
import './room.css'
import './bar.css'
import './panels.css'
import './narrow.css'
import { applyTheme } from '../kit/theme.ts'
import { activate } from '../locales/activate.ts'
import { Meeting } from './meeting.ts'
import { readParameters } from './parameters.ts'
import { readPreferences } from './preferences.ts'

applyTheme(readPreferences().theme)
const meeting = new Meeting(readParameters(location))
meeting.start()
// A page that goes away says nothing: the server keeps its place for a reload.
const language = activate([meeting.parameters.culture, ...navigator.languages])
const [{ showMeeting }] = await Promise.all([import('./meeting-page.tsx'), language])
showMeeting(meeting)
